//go:build !unix

package providertest

import "time"

// CPU is the processor time that the process took so far, 0 where that cannot be asked.
func CPU() time.Duration { return 0 }
