internal import Glibc

/// Between two looks at what somebody else does.
func pauseBriefly() {
    usleep(2_000)
}
