"""The memory page: recurrent networks that read palindromes, remember, forget and learn."""
