"""Questions: from YAML, from templates, from known mistakes."""
