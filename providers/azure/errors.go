package azure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"cloudaudit/providers"
)

// Codes of errors, by what they mean for an inventory.
var (
	// goneCodes say that what a call is about, or what holds it, is not there any more.
	goneCodes = []string{"ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}
	// unregisteredCodes say that a subscription has never used the service.
	unregisteredCodes = []string{"MissingSubscriptionRegistration", "SubscriptionNotRegistered", "Subscription Not Registered"}
	// unfitCodes say that resources of this kind do not have what was asked for.
	unfitCodes = []string{
		"FeatureNotSupportedForAccount", "FeatureNotSupported", "ResourceTypeNotSupported", "OperationNotSupported", "UnsupportedResourceOperation",
		"FeatureNotAvailable", "NotSupported",
	}
	orgCodes = []string{"DenyAssignmentAuthorizationFailed", "RequestDisallowedByPolicy", "RequestDisallowedByAzure"}
)

// callError is the failure of a call, with the permission that the call needs.
type callError struct {
	// call names what was asked for, as permissions are named: "Microsoft.Sql/servers/auditingSettings/read".
	call string
	err  error
}

func (e *callError) Error() string { return e.call + ": " + e.err.Error() }

// Unwrap gives the cause.
func (e *callError) Unwrap() error { return e.err }

// code gives the error's code as the service wrote it.
func code(err error) string {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return answer.ErrorCode
	}
	return ""
}

// status gives the HTTP status of the answer, 0 if none came.
func status(err error) int {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}

func has(err error, codes []string) bool { return slices.Contains(codes, code(err)) }

// gone tells whether the error says that the resource that was asked about, or what holds it, is not there
// any more. Of a child that is not there, Azure says the same with the child's name.
func gone(err error, resourceID string) bool {
	if has(err, goneCodes) {
		return true
	}
	_, path, found := strings.Cut(strings.ToLower(resourceID), "/providers/")
	return found && code(err) == "ResourceNotFound" && strings.Contains(strings.ToLower(err.Error()), "'"+path+"'")
}

// absent tells whether the error says that there is no such thing, and never was.
func absent(err error) bool {
	return status(err) == http.StatusNotFound || has(err, unregisteredCodes) || has(err, unfitCodes)
}

// classify says why a call failed.
func classify(err error) providers.Class {
	var known *providers.Error
	switch {
	case errors.As(err, &known):
		return known.Class
	case errors.Is(err, context.DeadlineExceeded):
		return providers.Timeout
	case status(err) > 0:
		return classByStatus(err)
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return providers.Timeout
	}
	return providers.Failure
}

func classByStatus(err error) providers.Class {
	switch status(err) {
	case http.StatusUnauthorized:
		return providers.AuthExpired
	case http.StatusForbidden:
		if has(err, orgCodes) {
			return providers.DeniedByOrg
		}
		return providers.AccessDenied
	case http.StatusTooManyRequests:
		return providers.Throttled
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return providers.Timeout
	}
	if has(err, unregisteredCodes) {
		return providers.NotEnabled
	}
	return providers.Failure
}

// denied tells whether a permission would help.
func denied(class providers.Class) bool {
	return class == providers.AccessDenied || class == providers.DeniedByOrg
}

// actionName finds the action in Azure's usual sentence.
var actionName = regexp.MustCompile(`perform action '([A-Za-z0-9./*-]+)'`)

// permission gives the action that the caller lacks: the one that Azure names, else the one that the call
// needs.
func permission(err error) string {
	if found := actionName.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return place(err)
}

// place names the call that failed.
func place(err error) string {
	var of *callError
	if errors.As(err, &of) {
		return of.call
	}
	return "azure"
}

// reasons say in our own words what happened. They never quote what a service answered.
var reasons = map[providers.Class]string{
	providers.AccessDenied: "the roles that we have there do not allow the call",
	providers.DeniedByOrg:  "a deny assignment or a policy forbids the call",
	providers.Throttled:    "Azure kept refusing the call because of too many requests",
	providers.NotEnabled:   "the service is not registered in the subscription",
	providers.AuthExpired:  "the credentials are not accepted, or could not be renewed",
	providers.Timeout:      "the call did not end in time",
	providers.Decode:       "the answer could not be understood",
	providers.Failure:      "the call failed",
}

func reason(err error) string {
	var known *providers.Error
	if errors.As(err, &known) {
		return known.Error()
	}
	why := reasons[classify(err)]
	if found := code(err); found != "" && plainCode.MatchString(found) {
		why += " (" + found + ")"
	} else if at := status(err); at != 0 {
		why += fmt.Sprintf(" (HTTP %d)", at)
	}
	return why
}

// plainCode is what codes look like; anything else is not repeated.
var plainCode = regexp.MustCompile(`^[A-Za-z0-9.:_-]{1,80}$`)

// failure is an error of ours with its class.
func failure(class providers.Class, format string, arguments ...any) error {
	return &providers.Error{Class: class, Err: fmt.Errorf(format, arguments...)}
}

// explain turns an error of a call into one of a collector, with class, permission and a text that quotes
// nothing.
func explain(err error) error {
	var known *providers.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	explained := &providers.Error{Class: classify(err), Err: fmt.Errorf("call %s: %s", place(err), reason(err))}
	if denied(explained.Class) {
		explained.Permission = permission(err)
	}
	return explained
}

// gapOf is the gap of a type where a call failed; the empty type stands for all of the scope.
func gapOf(name string, err error) providers.Gap {
	gap := providers.Gap{Region: providers.Anywhere, Type: name, Class: classify(err), Place: place(err), Reason: reason(err)}
	if denied(gap.Class) {
		gap.Permission = permission(err)
	}
	return gap
}
