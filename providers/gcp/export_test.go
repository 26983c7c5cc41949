package gcp

import "time"

// ResourceOf makes a resource of an asset, or tells what is wrong with it.
var ResourceOf = resourceOf

// Update has golden files written anew.
var Update bool

// Later has a provider find that time has passed since it listed anything.
func (p *Provider) Later(passed time.Duration) {
	p.sweeps.now = func() time.Time { return time.Now().Add(passed) }
}
