"""Tables that say which picture has which label."""
