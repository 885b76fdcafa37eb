"""Commands and reports: records first (JSON), then pages for people."""
