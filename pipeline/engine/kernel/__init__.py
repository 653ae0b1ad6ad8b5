"""The kernel: runs stages and timers, stamps envelopes, folds decisions. It knows no loyalty rule."""
