"""Who answers calls: one module a kind of provider, one interface."""
