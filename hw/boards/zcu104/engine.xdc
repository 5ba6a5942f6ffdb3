# No pins: the engine speaks with the processor alone. The processor's block constrains the clock.
