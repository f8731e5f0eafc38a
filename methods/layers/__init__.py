"""Layers that two or more methods share exactly; import the module you need."""
