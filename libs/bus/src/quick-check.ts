import type { PayloadClass } from '@mortise/contracts';
import {
  getMetadataStorage,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';

type Check = (value: unknown, object: object) => boolean;
type Condition = (object: object, value: unknown) => boolean;
interface PropertyRules {
  conditions: Condition[];
  checks: Check[];
}

/** The class of a property's values where @Type names one. */
export type NestedClass = (
  payloadClass: PayloadClass<object>,
  property: string,
) => PayloadClass<object> | undefined;

/**
 * The rules of a payload class, read once: true means that class-validator would find nothing. False means only that
 * it must be asked, for its verdict and its words. Its own walk looks the same rules up anew for every message, which
 * was most of what a projection cost.
 */
export function quickCheck(
  payloadClass: PayloadClass<object>,
  nestedClass: NestedClass,
): (payload: object) => boolean {
  const rules = [...rulesOf(payloadClass, nestedClass)];
  return (payload) =>
    rules.every(([property, { conditions, checks }]) => {
      const value: unknown = Reflect.get(payload, property);
      if (!conditions.every((applies) => applies(payload, value))) return true;
      return checks.every((holds) => holds(value, payload));
    });
}

const never: Check = () => false;
// Typed as always there; it is not.
const isGrouped = (rule: { groups?: string[] }): boolean => (rule.groups?.length ?? 0) > 0;

function rulesOf(payloadClass: PayloadClass<object>, nestedClass: NestedClass): Map<string, PropertyRules> {
  const rules = new Map<string, PropertyRules>();
  const storage = getMetadataStorage();
  for (const rule of storage.getTargetValidationMetadatas(payloadClass, '', false, false)) {
    const { propertyName: property, type, constraints, each } = rule;
    const own = rules.get(property) ?? { conditions: [], checks: [] };
    rules.set(property, own);
    if (type === 'conditionalValidation') own.conditions.push((constraints as [Condition])[0]);
    else if (type === 'nestedValidation')
      own.checks.push(nestedCheck(nestedClass(payloadClass, property), nestedClass));
    else if (type === 'customValidation' && !isGrouped(rule)) {
      const [constraint] = storage.getTargetValidatorConstraints(rule.constraintCls);
      if (!constraint || constraint.async) own.checks.push(never);
      else
        own.checks.push(
          customCheck(
            constraint.instance,
            { constraints: constraints as unknown[], property, targetName: payloadClass.name },
            each,
          ),
        );
    } else own.checks.push(never);
  }
  return rules;
}

function customCheck(
  instance: ValidatorConstraintInterface,
  known: Pick<ValidationArguments, 'constraints' | 'property' | 'targetName'>,
  each: boolean,
): Check {
  const one: Check = (value, object) => instance.validate(value, { ...known, value, object }) === true;
  return each ? (value, object) => Array.isArray(value) && value.every((item) => one(item, object)) : one;
}

function nestedCheck(nested: PayloadClass<object> | undefined, nestedClass: NestedClass): Check {
  if (!nested) return never;
  const check = quickCheck(nested, nestedClass);
  const one = (value: unknown) => value instanceof nested && check(value);
  return (value) =>
    value === undefined || value === null || (Array.isArray(value) ? value.every(one) : one(value));
}
