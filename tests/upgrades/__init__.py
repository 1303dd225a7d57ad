"""Homes that former versions wrote, read by this one."""
