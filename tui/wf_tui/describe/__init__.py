"""Recorded things as toned lines of text: what the inspector shows. Knows no widget."""
