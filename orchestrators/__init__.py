"""Stories: pure generators that decide and touch nothing."""
