"""What calls cost, who pays for them, and whether they can."""
