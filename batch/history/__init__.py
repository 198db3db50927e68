"""Histories of transactions: mapping files, readers, checks and the partitioned store."""
