"""The files of a workspace, the record, and grading as a process of its own."""
