"""Recurrent cells from their equations, and how long each remembers the first digit of a palindrome."""
