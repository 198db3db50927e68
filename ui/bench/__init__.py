"""`fraudray bench page`: how long an analyst waits, in a real browser."""
