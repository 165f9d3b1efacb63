"""What of the spread between trainings is sampling, and what is chance: `fieldmark variance`."""
