"""`fraudray bench history`: the columnar kernels beside published pandas code that computes the same features."""
