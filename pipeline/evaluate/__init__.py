"""What any classifier is worth on an export: `fieldmark evaluate`."""
