"""What templates are given: plain data made from the API's documents by pure functions."""
