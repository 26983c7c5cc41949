package providers

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Pause waits for a while or for the end of ctx, whose error it gives then.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CheckEmulator refuses whatever is no URL of an emulator on this machine, so that no account is ever
// read by way of another. Key is where it is set, such as aws.endpoint; no URL at all is fine.
func CheckEmulator(key, endpoint string) error {
	if endpoint == "" {
		return nil
	}
	parsed, err := url.Parse(endpoint)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil {
		return fmt.Errorf("%s is no URL of an emulator: write http://127.0.0.1:PORT", key)
	}
	if host := parsed.Hostname(); host != "localhost" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%s may only be an emulator on this machine: %q is no loopback address", key, host)
		}
	}
	return nil
}
