package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	analyzertypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
)

var analyzerService = &service{name: "accessanalyzer", client: "accessanalyzer", listings: []*listing{analyzers, analyzerStatus}}

func (r *run) accessanalyzer() *accessanalyzer.Client {
	return accessanalyzer.NewFromConfig(r.config())
}

func listAnalyzers(ctx context.Context, r *run, _ object, token *string) (*accessanalyzer.ListAnalyzersOutput, error) {
	return once(ctx, r, "analyzers "+sdk.ToString(token), func(ctx context.Context) (*accessanalyzer.ListAnalyzersOutput, error) {
		return r.accessanalyzer().ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{MaxResults: sdk.Int32(100), NextToken: token})
	})
}

var analyzers = &listing{
	items: "Analyzers[]", call: ask(listAnalyzers),
	kind: &kind{
		name: "AWS::AccessAnalyzer::Analyzer", id: "{Arn}", title: "Name", uid: "CreatedAt", tags: "Tags",
		fields: join(
			like(`AnalyzerName=Name Arn Type AnalyzerConfiguration=Configuration{
				InternalAccessConfiguration=InternalAccess{InternalAccessAnalysisRule=AnalysisRule{Inclusions[]{AccountIds ResourceArns ResourceTypes}}}
				UnusedAccessConfiguration=UnusedAccess{AnalysisRule{Exclusions[]{AccountIds ResourceTags}} UnusedAccessAge}}`),
			extra(same("CreatedAt", "Status")),
		),
		facets: []*facet{{
			name: "rules", fields: nest("ArchiveRules", "ArchiveRules[]", same("RuleName"), made("Filter", archiveFilter)),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*accessanalyzer.ListArchiveRulesOutput, error) {
				return r.accessanalyzer().ListArchiveRules(ctx, &accessanalyzer.ListArchiveRulesInput{AnalyzerName: named(o)})
			}),
		}},
	},
}

// archiveFilter is a rule's filter as CloudFormation has it: a list of properties, where the API has
// an object of them.
func archiveFilter(rule object) any {
	filter, _ := rule["Filter"].(object)
	all := []any{}
	for property, criterion := range filter {
		entry := like("Contains Eq Exists Neq").apply(criterion)
		entry["Property"] = property
		all = append(all, entry)
	}
	return sorted(all)
}

var analyzerStatus = regionStatus("AccessAnalyzer", same("Enabled"), func(ctx context.Context, r *run) (object, error) {
	on := false
	err := r.pages(ctx, &listing{sections: []section{{items: "Analyzers[]"}}, call: ask(listAnalyzers)}, nil, func(_ *kind, items []object) error {
		for _, o := range items {
			on = on || text(o, "Status") == string(analyzertypes.AnalyzerStatusActive)
		}
		return nil
	})
	return object{"Enabled": on}, err
})
