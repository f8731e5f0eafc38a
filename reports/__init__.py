"""Tables, figures and HTML pages from results; nothing here knows a model."""
