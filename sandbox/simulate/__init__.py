"""Thousands of migrations under seeds: the real stories and steps, every misfortune we know, every promise checked."""
