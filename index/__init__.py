"""Passages to vectors and postings, and questions to ranked evidence."""
