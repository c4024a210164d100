"""Agreement statistics. Pure: numpy in, numbers or reasons out; no Django, no kind of question."""
