package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"cloudaudit/providers"
)

// send makes a call and reads what comes back into answer. The SDK's typed clients would read numbers as
// floats, and round them.
func (s *session) send(ctx context.Context, method, address string, body, answer any) (http.Header, error) {
	request, err := runtime.NewRequest(ctx, method, address)
	if err != nil {
		return nil, err
	}
	request.Raw().Header.Set("Accept", "application/json")
	if body != nil {
		if err := runtime.MarshalAsJSON(request, body); err != nil {
			return nil, err
		}
	}
	response, err := s.pipeline.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if !runtime.HasStatusCode(response, http.StatusOK) {
		return nil, runtime.NewResponseError(response)
	}
	payload, err := runtime.Payload(response)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf")), answer); err != nil {
		return nil, failure(providers.Decode, "the answer is not what it should be")
	}
	return response.Header, nil
}

// get asks Resource Manager for what stands at a path. The call names the permission that it needs.
func (s *session) get(ctx context.Context, call, path, version string) (map[string]any, error) {
	var answer json.RawMessage
	if _, err := s.send(ctx, http.MethodGet, s.address(path, version), nil, &answer); err != nil {
		return nil, &callError{call, err}
	}
	return anObject(call, answer)
}

// address is where Resource Manager has a path. Ids may hold any character.
func (s *session) address(path, version string) string {
	at := url.URL{Path: path}
	return s.endpoint() + at.EscapedPath() + "?api-version=" + url.QueryEscape(version)
}

func anObject(call string, data json.RawMessage) (map[string]any, error) {
	value, err := providers.ParseValue(data)
	found, isObject := value.(map[string]any)
	if err != nil || !isObject {
		return nil, &callError{call, failure(providers.Decode, "the answer is no object")}
	}
	return found, nil
}

// list asks Resource Manager for all pages of a list.
func (s *session) list(ctx context.Context, call, path, version string) ([]map[string]any, error) {
	var all []map[string]any
	seen := map[string]bool{}
	for address := s.address(path, version); address != ""; {
		if seen[address] {
			return nil, &callError{call, failure(providers.Failure, "a page of the list leads back to an earlier one")}
		}
		seen[address] = true
		var page struct {
			Value    []json.RawMessage `json:"value"`
			NextLink string            `json:"nextLink"`
		}
		if _, err := s.send(ctx, http.MethodGet, address, nil, &page); err != nil {
			return nil, &callError{call, err}
		}
		for _, data := range page.Value {
			item, err := anObject(call, data)
			if err != nil {
				return nil, err
			}
			all = append(all, item)
		}
		var err error
		if address, err = s.next(page.NextLink); err != nil {
			return nil, &callError{call, err}
		}
	}
	return all, nil
}

// next gives the address of the next page: at Resource Manager and nowhere else, since our token goes
// there.
func (s *session) next(link string) (string, error) {
	if link == "" {
		return "", nil
	}
	next, err := url.Parse(link)
	home, homeErr := url.Parse(s.endpoint())
	if err := errors.Join(err, homeErr); err != nil {
		return "", failure(providers.Decode, "the link to the next page is none")
	}
	next = home.ResolveReference(next)
	if next.Scheme != home.Scheme || !strings.EqualFold(next.Host, home.Host) {
		return "", failure(providers.Failure, "the link to the next page leads to another host")
	}
	return next.String(), nil
}

// text gives a member that is text, empty if it is anything else.
func text(object map[string]any, key string) string {
	value, _ := object[key].(string)
	return value
}

// member gives a member that is an object, nil if it is anything else.
func member(object map[string]any, key string) map[string]any {
	value, _ := object[key].(map[string]any)
	return value
}

// texts gives a member that is a list of texts.
func texts(object map[string]any, key string) []string {
	list, _ := object[key].([]any)
	found := make([]string, 0, len(list))
	for _, value := range list {
		found = append(found, fmt.Sprint(value))
	}
	return found
}
