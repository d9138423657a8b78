"""Typed forms for events: from a JSON schema to rows that a person fills in, and back to JSON."""
