"""From sound, as files and arrays hold it, to recordings of one rate and one length."""
