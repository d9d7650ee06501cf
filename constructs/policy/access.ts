/** Rules for who can reach an endpoint. */

import { at, each, isList, isMissing, type Known, texts, unknown } from './known.js';
import { type ResourceRule, type RuleResource, type StackRule, types } from './rule.js';

const grant = /^gcp:(?:cloudrun(?:v2)?\/(?:service)?iam|vertex\/aiEndpointIam)(?:Member|Binding|Policy):/i;

const everybody: ReadonlySet<string> = new Set(['allUsers', 'allAuthenticatedUsers']);

/** A policy as a whole is a text. */
function membersOfPolicy(policyData: Known): readonly Known[] {
  if (typeof policyData !== 'string') return [];
  try {
    const { bindings = [] } = JSON.parse(policyData) as { bindings?: { members?: string[] }[] };
    return bindings.flatMap(({ members = [] }) => members);
  } catch {
    return [];
  }
}

export const authenticated: ResourceRule = {
  name: 'slipway-authenticated',
  description: 'Whoever asks an endpoint has to say who they are.',
  fix: 'Name the callers: serviceAccount:…, user:…, group:… on Google Cloud, authMode AADToken on Azure.',
  severity: 'high',
  unless: 'turned off',
  checkov: ['CKV_GCP_102'],
  resource({ type, properties }) {
    if (grant.test(type)) {
      const members = [
        at(properties, 'member'),
        ...each(properties, 'members'),
        ...membersOfPolicy(at(properties, 'policyData')),
      ];
      return texts(members)
        .filter((member) => everybody.has(member))
        .map((member) => `${member} may ask it`);
    }
    if (type === types.cloudRun) {
      return at(properties, 'invokerIamDisabled') === true ? ['invokerIamDisabled lets everybody ask it'] : [];
    }
    if (type === types.onlineEndpoint) {
      const mode = at(properties, 'properties', 'authMode');
      return mode === unknown || mode === 'AADToken'
        ? []
        : [`authMode is ${String(mode)}: whoever has a key may ask it`];
    }
    return [];
  },
};

const isExternal = (properties: Known): boolean => at(properties, 'configuration', 'ingress', 'external') === true;

/** Whether every address may come in. */
function isOpen(properties: Known): boolean {
  const restrictions = at(properties, 'configuration', 'ingress', 'ipSecurityRestrictions');
  return isMissing(restrictions) || (isList(restrictions) && restrictions.length === 0);
}

/** Names that a Container App goes by: those of the program, and Azure's where they are known. */
const namesOf = ({ name, properties }: RuleResource): string[] =>
  texts([name, at(properties, 'containerAppName'), at(properties, 'name')]);

export const containerAppAuthenticated: StackRule = {
  name: 'slipway-container-app-authenticated',
  description: 'A Container App that anyone can reach has to ask who they are, or where they come from.',
  fix: 'Add a ContainerAppsAuthConfig for it, set ipSecurityRestrictions, or make its ingress internal.',
  severity: 'high',
  unless: 'turned off',
  stack(resources) {
    const asking = resources.filter(({ type }) => type === types.containerAppAuth);
    const guarded = new Set([
      ...asking.flatMap((auth) => auth.from('containerAppName').map(({ name }) => name)),
      ...texts(asking.map(({ properties }) => at(properties, 'containerAppName'))),
    ]);
    return resources
      .filter(({ type, properties }) => type === types.containerApp && isExternal(properties) && isOpen(properties))
      .filter((app) => !namesOf(app).some((name) => guarded.has(name)))
      .map((resource) => ({ resource, what: 'the ingress is external, and nobody is asked anything' }));
  },
};

export const ingress: ResourceRule = {
  name: 'slipway-ingress',
  description: 'An endpoint is reached from your networks alone.',
  fix: "Make it internal, or name it in 'except' where it is meant to be public.",
  severity: 'high',
  unless: 'turned off',
  resource({ type, properties }) {
    if (type === types.cloudRun) {
      const from = at(properties, 'ingress');
      return isMissing(from) || from === 'INGRESS_TRAFFIC_ALL' ? ['the ingress is INGRESS_TRAFFIC_ALL'] : [];
    }
    if (type === types.onlineEndpoint) {
      const access = at(properties, 'properties', 'publicNetworkAccess');
      return isMissing(access) || access === 'Enabled' ? ['publicNetworkAccess is Enabled'] : [];
    }
    return type === types.containerApp && isExternal(properties) ? ['the ingress is external'] : [];
  },
};

export const vertexPrivate: ResourceRule = {
  name: 'slipway-vertex-private',
  description: 'A Vertex AI endpoint is reached from your networks alone.',
  fix: 'Give it privateServiceConnectConfig or network when it is made: a change is another endpoint.',
  severity: 'medium',
  unless: 'asked',
  resource({ type, properties }) {
    const connect = at(properties, 'privateServiceConnectConfig', 'enablePrivateServiceConnect');
    const isPrivate = connect === true || connect === unknown || !isMissing(at(properties, 'network'));
    return type === types.vertexEndpoint && !isPrivate ? ['those who may ask reach it from anywhere'] : [];
  },
};
