"""Diagnosis: evidence in, one finding out; pure."""
