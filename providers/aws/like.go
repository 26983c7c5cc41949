package aws

import (
	"fmt"
	"strings"
)

// conversions are what a member of like may say behind a colon.
var conversions = map[string]func(any) any{
	"text": asText, "number": numeric, "bool": truth, "document": document, "items": items, "set": sorted, "last": lastOf, "some": some,
}

// like makes fields out of a list of members that have the same name in an answer and in a resource,
// objects in braces. A name may have another behind "=", the path in the answer, then "[]" if it holds
// a list of objects, and a conversion behind ":".
//
//	like("Arn=FunctionArn Timeout DeadLetterConfig{TargetArn} Ports[]{From To:text}")
func like(members string) fields {
	p := likeParser{rest: members}
	made := p.members()
	if p.rest != "" {
		panic(fmt.Sprintf("like: %q is left of %q", p.rest, members))
	}
	return made
}

// some leaves an empty text out.
func some(value any) any {
	if value == "" {
		return nil
	}
	return value
}

type likeParser struct{ rest string }

func (p *likeParser) members() fields {
	var all fields
	for {
		p.rest = strings.TrimLeft(p.rest, " \n\t")
		end := strings.IndexAny(p.rest, " \n\t{}")
		if end < 0 {
			end = len(p.rest)
		}
		word := p.rest[:end]
		if word == "" {
			return all
		}
		p.rest = p.rest[end:]
		all = append(all, p.member(word))
	}
}

func (p *likeParser) member(word string) field {
	word, conversion, converts := strings.Cut(word, ":")
	to, from, renamed := strings.Cut(word, "=")
	if !renamed {
		from = to
	}
	f := field{to: strings.TrimSuffix(to, "[]"), from: from}
	if converts {
		if f.how = conversions[conversion]; f.how == nil {
			panic(fmt.Sprintf("like: there is no conversion %q", conversion))
		}
	}
	if !strings.HasPrefix(p.rest, "{") {
		return f
	}
	p.rest = p.rest[1:]
	f.inner = p.members()
	if !strings.HasPrefix(p.rest, "}") {
		panic(fmt.Sprintf("like: no brace closes %q", word))
	}
	p.rest = p.rest[1:]
	// A conversion of a list of objects stands behind its brace.
	if strings.HasPrefix(p.rest, ":set") {
		p.rest, f.how = p.rest[len(":set"):], sorted
	}
	return f
}

// under takes what the fields take from below a path.
func under(path string, all ...fields) fields {
	moved := join(all...)
	for i, f := range moved {
		moved[i].from = strings.TrimSuffix(path+"."+f.from, ".")
	}
	return moved
}
