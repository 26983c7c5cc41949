package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"cloudaudit/providers"
	"cloudaudit/providers/shape"
)

// maxGaps is how many unreadable records of a file are told one by one.
const maxGaps = 1000

// reader reads one file into resources and gaps.
type reader struct {
	file     file
	settings Settings
	types    []string
	emit     providers.Emitter
	gaps     int
}

// collect reads a file to its end. Its errors mean that the end was not reached.
func collect(ctx context.Context, f file, settings Settings, emit providers.Emitter) error {
	in, err := openStream(ctx, f)
	if err != nil {
		return err
	}
	r := reader{file: f, settings: settings, types: settings.planned(), emit: emit}
	err = r.read(ctx, in)
	if err == nil && in.changed() {
		err = failed("inventory %q was written to while it was read: scan again once it is complete", f.path)
	}
	if closed := in.Close(); err == nil && closed != nil {
		err = unreadable(f.path, closed)
	}
	return err
}

func (r *reader) read(ctx context.Context, in io.Reader) error {
	split := newSplitter(bufio.NewReaderSize(in, 256<<10), layoutOf(r.settings.Format), r.settings.limit())
	if err := split.start(); err != nil {
		return corrupt(r.file.path, err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := split.next()
		switch {
		case errors.Is(err, io.EOF):
			return r.end(split)
		case err != nil:
			return corrupt(r.file.path, err)
		}
		if err := r.take(found); err != nil {
			return err
		}
	}
}

// end judges a file that was read to its end.
func (r *reader) end(split *splitter) error {
	if split.empty {
		return failed("inventory %q is empty, which says nothing: export it again, or write [] into it if there really are no resources", r.file.path)
	}
	if r.gaps <= maxGaps {
		return nil
	}
	return r.emit.Gap(providers.Gap{
		Region: providers.Anywhere, Class: providers.Decode, Place: r.file.name,
		Reason: fmt.Sprintf("%d more records could not be read: is snapshot.format right?", r.gaps-maxGaps),
	})
}

// take maps one record and hands it on.
func (r *reader) take(found piece) error {
	if found.fault != "" {
		return r.gap(found.line, "", found.fault)
	}
	value, err := providers.ParseValue(found.data)
	if err != nil {
		return r.gap(found.line, "", "the record "+err.Error())
	}
	record, isObject := value.(map[string]any)
	if !isObject {
		return r.gap(found.line, "", "the record is not an object")
	}
	resource, fault := r.resource(record)
	if len(r.types) > 0 && resource.Type != "" && !slices.Contains(r.types, resource.Type) {
		return nil
	}
	if fault != "" {
		return r.gap(found.line, resource.Type, fault)
	}
	resource.Rank.Scope, resource.Rank.Line = r.file.name, found.line
	shape.Seal(resource)
	return r.emit.Resource(resource)
}

// resource maps a record. With a fault, the resource tells no more than its type, if that.
func (r *reader) resource(record map[string]any) (*providers.Resource, string) {
	if r.settings.Format == Azure {
		return azureResource(record, r.settings.Region)
	}
	return gcpResource(record, r.settings.Region)
}

func (r *reader) gap(line int, resourceType, reason string) error {
	if r.gaps++; r.gaps > maxGaps {
		return nil
	}
	return r.emit.Gap(providers.Gap{
		Region: providers.Anywhere,
		Type:   resourceType,
		Class:  providers.Decode,
		Place:  fmt.Sprintf("%s:%d", r.file.name, line),
		Reason: reason,
	})
}

// text gives a member that is text, empty if it is anything else.
func text(object map[string]any, key string) string {
	value, _ := object[key].(string)
	return value
}

// object gives a member that is an object, nil if it is anything else.
func object(parent map[string]any, key string) map[string]any {
	value, _ := parent[key].(map[string]any)
	return value
}
