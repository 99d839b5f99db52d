"""What a person sees of a step under way: a bar on a terminal, else a line every few seconds."""
