//go:build unix

package providertest

import (
	"syscall"
	"time"
)

// CPU is the processor time that the process took so far, 0 where that cannot be asked.
func CPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
