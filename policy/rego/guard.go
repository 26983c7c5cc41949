package rego

import (
	"errors"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// The deadline of an evaluation bounds what the evaluator does step by step, but a single call of a
// function can fill the memory before it comes. Functions whose result can be much larger than what
// they are given are asked beforehand how large it may be.
const (
	// maxText is the longest text that they may make.
	maxText = 1 << 20
	// maxElements is the longest list.
	maxElements = 1_000_000
)

// errTooLarge ends an evaluation that would make too large a value.
var errTooLarge = errors.New("the value would be too large")

// guards tell whether a call's result may be made.
var guards = map[string]func(operands []*ast.Term) bool{
	"array.concat":              listGuard,
	"array.flatten":             flattenGuard,
	"base64.encode":             textGuard(2),
	"base64url.encode":          textGuard(2),
	"base64url.encode_no_pad":   textGuard(2),
	"concat":                    concatGuard,
	"glob.quote_meta":           textGuard(2),
	"hex.encode":                textGuard(2),
	"internal.template_string":  textGuard(1),
	"json.marshal":              textGuard(6),
	"json.marshal_with_options": textGuard(6),
	"mul":                       digitsGuard,
	"product":                   digitsGuard,
	"regex.replace":             replaceGuard(0, 2),
	"replace":                   replaceGuard(0, 2),
	"sprintf":                   sprintfGuard,
	"strings.replace_n":         replaceGuard(1, 0),
	"urlquery.encode":           textGuard(3),
	"urlquery.encode_object":    textGuard(3),
	"yaml.marshal":              textGuard(6),
}

// The evaluator's functions are the whole process's, and nothing else in it runs policies.
var _ = guard()

func guard() bool {
	for name, fits := range guards {
		call := topdown.GetBuiltin(name)
		topdown.RegisterBuiltinFunc(name, func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
			if !fits(operands) {
				return topdown.Halt{Err: errTooLarge}
			}
			return call(bctx, operands, iter)
		})
	}
	return true
}

// textGuard takes functions whose result is at most so many times as long as what they are given.
func textGuard(growth int) func([]*ast.Term) bool {
	return func(operands []*ast.Term) bool { return growth*lengthOf(operands[0]) <= maxText }
}

// lengthOf is the length of a term as text. A variable, into which the result goes, has next to none.
func lengthOf(term *ast.Term) int { return term.Value.StringLength() }

// concatGuard counts the texts and what stands between them.
func concatGuard(operands []*ast.Term) bool {
	return lengthOf(operands[1])+elements(operands[1])*lengthOf(operands[0]) <= maxText
}

// sprintfGuard takes every verb for the longest of the values: a format may name one many times.
func sprintfGuard(operands []*ast.Term) bool {
	format, _ := operands[0].Value.(ast.String)
	return len(format)+strings.Count(string(format), "%")*lengthOf(operands[1]) <= maxText
}

// replaceGuard takes every character for one that is replaced.
func replaceGuard(text, replacement int) func([]*ast.Term) bool {
	return func(operands []*ast.Term) bool {
		return (lengthOf(operands[text])+1)*(lengthOf(operands[replacement])+1) <= 64*maxText &&
			lengthOf(operands[text]) <= maxText && lengthOf(operands[replacement]) <= maxText
	}
}

func listGuard(operands []*ast.Term) bool {
	return elements(operands[0])+elements(operands[1]) <= maxElements
}

// flattenGuard counts the elements of the lists in the list.
func flattenGuard(operands []*ast.Term) bool {
	outer, ok := operands[0].Value.(*ast.Array)
	if !ok {
		return true
	}
	count := 0
	outer.Until(func(element *ast.Term) bool {
		count += 1 + elements(element)
		return count > maxElements
	})
	return count <= maxElements
}

// elements counts what a collection holds.
func elements(term *ast.Term) int {
	if collection, ok := term.Value.(interface{ Len() int }); ok {
		return collection.Len()
	}
	return 0
}

// digitsGuard bounds the factors of products.
func digitsGuard(operands []*ast.Term) bool {
	for _, operand := range operands {
		switch operand.Value.(type) {
		case ast.Var, ast.Set, *ast.Array:
			if lengthOf(operand) > 10*maxDigits {
				return false
			}
		default:
			if lengthOf(operand) > maxDigits {
				return false
			}
		}
	}
	return true
}
