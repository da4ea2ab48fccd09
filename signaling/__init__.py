"""Join and conduct: lobby, seats, floor, agenda, the live Room and its ledger."""
