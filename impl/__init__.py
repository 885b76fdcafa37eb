"""What can be computed: losses, instances, the ball engine that decides, the float engine that searches."""
