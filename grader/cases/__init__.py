"""From a signature to drawn cases."""
