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
	waiting  waiting
	// deleted are the resources that AWS Config saw go, over all files of the account.
	deleted *deletions
}

// collect reads a file to its end. Its errors mean that the end was not reached.
func collect(ctx context.Context, f file, settings Settings, deleted *deletions, emit providers.Emitter) error {
	if err := deleted.find(ctx); err != nil {
		return err
	}
	r := reader{file: f, settings: settings, types: settings.planned(), emit: emit, deleted: deleted}
	if err := eachPiece(ctx, f, settings, r.take); err != nil {
		return err
	}
	return r.end()
}

// eachPiece hands every piece of a file to take, in their order. Its errors are take's, or mean that
// the end was not reached or that there is nothing in the file.
func eachPiece(ctx context.Context, f file, settings Settings, take func(piece) error) error {
	in, err := openStream(ctx, f)
	if err != nil {
		return err
	}
	err = splitStream(ctx, f, settings, in, take)
	if err == nil && in.changed() {
		err = failed("inventory %q was written to while it was read: scan again once it is complete", f.path)
	}
	if closed := in.Close(); err == nil && closed != nil {
		err = unreadable(f.path, closed)
	}
	return err
}

func splitStream(ctx context.Context, f file, settings Settings, in io.Reader, take func(piece) error) error {
	split := newSplitter(bufio.NewReaderSize(in, 256<<10), layoutOf(settings.Format), settings.limit())
	if err := split.start(); err != nil {
		return corrupt(f.path, err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := split.next()
		switch {
		case errors.Is(err, io.EOF) && split.empty:
			return failed("inventory %q is empty, which says nothing: export it again, or write [] into it if there really are no resources", f.path)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return corrupt(f.path, err)
		}
		if err := take(found); err != nil {
			return err
		}
	}
}

// end judges a file that was read to its end.
func (r *reader) end() error {
	if err := r.release(nil); err != nil {
		return err
	}
	if r.gaps <= maxGaps {
		return nil
	}
	return r.emit.Gap(providers.Gap{
		Region: providers.Anywhere, Class: providers.Decode, Place: r.file.name,
		Reason: fmt.Sprintf("%d more records could not be read: is snapshot.format right?", r.gaps-maxGaps),
	})
}

// take maps one record and hands it on, once what it needs of the answer around it is known.
func (r *reader) take(found piece) error {
	if err := r.release(found.around); err != nil {
		return err
	}
	if r.waits(found) {
		return r.hold(found)
	}
	return r.record(found)
}

// record maps one record and hands it on.
func (r *reader) record(found piece) error {
	if found.fault != "" {
		return r.gap(found.line, "", decoding(found.fault))
	}
	record, fault := decode(found.data)
	if fault != "" {
		return r.gap(found.line, "", decoding(fault))
	}
	resource, problem := r.resource(record, found)
	if len(r.types) > 0 && resource.Type != "" && !slices.Contains(r.types, resource.Type) {
		return nil
	}
	switch {
	case problem == notThere:
		return nil
	case problem != nil:
		return r.gap(found.line, resource.Type, problem)
	}
	resource.Rank.Scope, resource.Rank.Line = r.file.name, found.line
	shape.Seal(resource)
	return r.emit.Resource(resource)
}

// decode reads a record, which may be an object or, in some answers, a string that holds one.
func decode(data []byte) (map[string]any, string) {
	value, err := providers.ParseValue(data)
	if text, isText := value.(string); isText && err == nil {
		value, err = providers.ParseValue([]byte(text))
	}
	if err != nil {
		return nil, "the record " + err.Error()
	}
	record, isObject := value.(map[string]any)
	if !isObject {
		return nil, "the record is not an object"
	}
	return record, ""
}

// problem is why a record is no resource, in words that never quote it.
type problem struct {
	class  providers.Class
	reason string
}

// notThere is the problem of a record of something that is not there any more, which is none.
var notThere = &problem{}

// decoding is the problem of a record that cannot be understood, nil for no reason.
func decoding(reason string) *problem {
	if reason == "" {
		return nil
	}
	return &problem{providers.Decode, reason}
}

// resource maps a record. With a problem, the resource tells no more than its type, if that.
func (r *reader) resource(record map[string]any, found piece) (*providers.Resource, *problem) {
	switch r.settings.Format {
	case Azure:
		resource, fault := shape.ARMResource(record, r.settings.Region)
		return resource, decoding(fault)
	case CloudControl:
		resource, fault := controlResource(record, found, r.settings)
		return resource, decoding(fault)
	case Config:
		return configResource(record, found, r.settings, r.deleted)
	}
	resource, fault := shape.CAIResource(record, r.settings.Region)
	return resource, decoding(fault)
}

func (r *reader) gap(line int, resourceType string, why *problem) error {
	if r.gaps++; r.gaps > maxGaps {
		return nil
	}
	return r.emit.Gap(providers.Gap{
		Region: providers.Anywhere,
		Type:   resourceType,
		Class:  why.class,
		Place:  fmt.Sprintf("%s:%d", r.file.name, line),
		Reason: why.reason,
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
