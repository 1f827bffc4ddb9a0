"""Compiled code: functions, the pointer that they see, the cache on disk."""
