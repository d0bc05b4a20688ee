"""What values are made of: random bits by counting, curves, the calendar, texts."""
