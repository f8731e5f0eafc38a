"""What each page of the site shows, one small module per kind of page; templates only set it."""
