"""Building a vision export from tables of observations."""
