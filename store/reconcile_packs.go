package store

import (
	"context"
	"fmt"
)

// packs stores the declared packs, each in a new version if its content is new.
func (r *reconciling) packs(ctx context.Context) error {
	var names []string
	for _, pack := range r.declared.Packs {
		names = append(names, pack.Name)
		wanted := pack.VersionTag
		changed, err := r.savePack(ctx, r.tx, pack)
		if err != nil {
			return fmt.Errorf("policy pack %s: %w", pack.Name, err)
		}
		if pack.VersionTag != wanted {
			r.done.Warnings = append(r.done.Warnings, fmt.Sprintf(
				"policy pack %s changed, and its version %s names what it was before: raise the version in its PulumiPolicy.yaml", pack.Name, wanted))
		}
		if changed {
			if err := r.note(ctx, "store", fmt.Sprintf("policy pack %s version %d", pack.Name, pack.Version), nil, pack.Digest); err != nil {
				return err
			}
		}
	}
	return r.archive(ctx, "packs", "policy pack", names)
}
