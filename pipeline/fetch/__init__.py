"""Fetching the photos of an export from where iNaturalist publishes them."""
