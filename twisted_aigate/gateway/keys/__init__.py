"""Virtual keys: who has one, what they may use, how much and how often."""
