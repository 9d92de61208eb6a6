//! The values of bake files, and expressions in HCL.
//!
//! What cannot be told (a variable that only the environment sets, a function that we do not know) is a value of its own,
//! and so is everything that is made of it; inside a text it stands as `${NAME}`.

use std::collections::BTreeMap;

use hcl_edit::expr::{BinaryOperator, Expression, ForExpr, ObjectKey, TraversalOperator, UnaryOperator};
use hcl_edit::template::{Element, Template};

use super::functions;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// It cannot be told; as it is written.
    Unknown(String),
    /// `null`
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Map(BTreeMap<String, Self>),
}

/// Expressions in expressions, and functions in functions, end somewhere.
pub(super) const DEPTH_LIMIT: usize = 60;
/// So do lists.
const ITEM_LIMIT: usize = 10_000;

/// What names stand for.
pub(super) trait Scope {
    /// The value of a variable; none where nobody declares it.
    fn variable(&self, name: &str, depth: usize) -> Option<Value>;
    /// The result of a function of the file; none where there is no such function.
    fn call(&self, name: &str, arguments: &[Value], depth: usize) -> Option<Value>;
}

/// A scope with more variables.
pub(super) struct With<'a> {
    pub(super) outer: &'a dyn Scope,
    pub(super) variables: BTreeMap<String, Value>,
}

impl Scope for With<'_> {
    fn variable(&self, name: &str, depth: usize) -> Option<Value> {
        self.variables.get(name).cloned().or_else(|| self.outer.variable(name, depth))
    }

    fn call(&self, name: &str, arguments: &[Value], depth: usize) -> Option<Value> {
        self.outer.call(name, arguments, depth)
    }
}

impl Value {
    /// A value of a JSON file; texts in it are templates.
    pub(super) fn of_json(json: &serde_json::Value, scope: &dyn Scope, depth: usize) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => number.as_f64().map_or_else(|| unknown("number"), Self::Number),
            Json::String(text) if text.contains("${") || text.contains("%{") => match text.parse::<Template>() {
                Ok(parsed) => template(&parsed, scope, depth + 1),
                Err(_) => unknown(text),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(|item| Self::of_json(item, scope, depth + 1)).collect()),
            Json::Object(entries) => {
                let entry = |(key, value): (&String, _)| (key.clone(), Self::of_json(value, scope, depth + 1));
                Self::Map(entries.iter().map(entry).collect())
            }
        }
    }

    /// As a text; none for a list, an object or `null`. What is unknown stands as `${NAME}`.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Unknown(written) => Some(format!("${{{written}}}")),
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The texts of a list, or the one that stands in its place; empty ones and unknown ones are left out.
    pub(super) fn texts(&self) -> Vec<String> {
        let items = match self {
            Self::List(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let known = items.iter().filter(|item| !matches!(item, Self::Unknown(_)));
        known.filter_map(Self::text).filter(|text| !text.is_empty()).collect()
    }

    /// Is it true? None where that cannot be told.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) if text == "true" => Some(true),
            Self::Text(text) if text == "false" => Some(false),
            _ => None,
        }
    }

    /// Whether nothing in it is unknown.
    pub(super) fn is_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Text(text) => !text.contains("${"),
            Self::List(items) => items.iter().all(Self::is_known),
            Self::Map(entries) => entries.values().all(Self::is_known),
            Self::Null | Self::Bool(_) | Self::Number(_) => true,
        }
    }
}

pub(super) fn unknown(written: &str) -> Value {
    Value::Unknown(written.chars().filter(|character| !matches!(character, '{' | '}' | '$')).take(60).collect())
}

/// The value of an expression.
pub(super) fn value(expression: &Expression, scope: &dyn Scope, depth: usize) -> Value {
    if depth > DEPTH_LIMIT {
        return unknown("too deep");
    }
    let of = |inner: &Expression| value(inner, scope, depth + 1);
    match expression {
        Expression::Null(_) => Value::Null,
        Expression::Bool(value) => Value::Bool(*value.value()),
        Expression::Number(number) => number.value().as_f64().map_or_else(|| unknown("number"), Value::Number),
        Expression::String(text) => Value::Text(text.value().clone()),
        Expression::Array(items) => Value::List(items.iter().map(of).collect()),
        Expression::Object(entries) => {
            let entry = |(key, value): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
                let key = match key {
                    ObjectKey::Ident(name) => Some(name.value().to_string()),
                    ObjectKey::Expression(Expression::Variable(name)) => Some(name.value().to_string()),
                    ObjectKey::Expression(key) => of(key).text(),
                };
                Some((key?, of(value.expr())))
            };
            Value::Map(entries.iter().filter_map(entry).collect())
        }
        Expression::StringTemplate(parts) => joined(parts.iter(), scope, depth),
        Expression::HeredocTemplate(heredoc) => joined(heredoc.template.iter(), scope, depth),
        Expression::Parenthesis(inner) => of(inner.inner()),
        Expression::Variable(name) => {
            scope.variable(name.as_str(), depth + 1).unwrap_or_else(|| unknown(name.as_str()))
        }
        Expression::Conditional(choice) => match of(&choice.cond_expr).truth() {
            Some(true) => of(&choice.true_expr),
            Some(false) => of(&choice.false_expr),
            None => unknown("condition"),
        },
        Expression::FuncCall(call) => {
            let mut arguments: Vec<Value> = call.args.iter().map(of).collect();
            if call.args.expand_final()
                && let Some(Value::List(items)) = arguments.pop()
            {
                arguments.extend(items);
            }
            let name = call.name.name.as_str();
            scope
                .call(name, &arguments, depth + 1)
                .or_else(|| functions::call(name, &arguments))
                .unwrap_or_else(|| unknown(&format!("{name}()")))
        }
        Expression::Traversal(traversal) => {
            let start = of(&traversal.expr);
            traversal.operators.iter().fold(start, |value, operator| step(&value, operator.value(), scope, depth))
        }
        Expression::UnaryOp(operation) => match (operation.operator.value(), of(&operation.expr)) {
            (UnaryOperator::Not, value) => {
                value.truth().map_or_else(|| unknown("condition"), |value| Value::Bool(!value))
            }
            (UnaryOperator::Neg, Value::Number(number)) => Value::Number(-number),
            (UnaryOperator::Neg, _) => unknown("number"),
        },
        Expression::BinaryOp(operation) => {
            binary(*operation.operator.value(), &of(&operation.lhs_expr), &of(&operation.rhs_expr))
        }
        Expression::ForExpr(each) => for_each(each, scope, depth),
    }
}

/// The value of a template: of a single interpolation its value, else a text.
pub(super) fn template(template: &Template, scope: &dyn Scope, depth: usize) -> Value {
    joined(template.iter(), scope, depth)
}

fn joined<'a>(parts: impl Iterator<Item = &'a Element>, scope: &dyn Scope, depth: usize) -> Value {
    let parts: Vec<&Element> = parts.collect();
    if let [Element::Interpolation(only)] = parts.as_slice() {
        return value(&only.expr, scope, depth + 1);
    }
    let mut text = String::new();
    for part in parts {
        match part {
            Element::Literal(literal) => text.push_str(literal.value()),
            Element::Interpolation(inner) => match value(&inner.expr, scope, depth + 1).text() {
                Some(known) => text.push_str(&known),
                None => text.push_str("${null}"),
            },
            Element::Directive(_) => text.push_str("${template}"),
        }
    }
    Value::Text(text)
}

fn step(value: &Value, operator: &TraversalOperator, scope: &dyn Scope, depth: usize) -> Value {
    let index = match operator {
        TraversalOperator::GetAttr(name) => Value::Text(name.as_str().to_owned()),
        TraversalOperator::Index(expression) => self::value(expression, scope, depth + 1),
        TraversalOperator::LegacyIndex(_) | TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
            return unknown("index");
        }
    };
    let found = match (value, &index) {
        (Value::Map(entries), Value::Text(key)) => entries.get(key).cloned(),
        (Value::List(items), Value::Number(at)) if *at >= 0.0 => {
            items.iter().enumerate().find(|(place, _)| *place as f64 == *at).map(|(_, item)| item.clone())
        }
        _ => None,
    };
    found.unwrap_or_else(|| unknown("index"))
}

fn binary(operator: BinaryOperator, left: &Value, right: &Value) -> Value {
    use BinaryOperator as Op;
    match operator {
        Op::Eq => functions::equal(left, right),
        Op::NotEq => match functions::equal(left, right) {
            Value::Bool(equal) => Value::Bool(!equal),
            other => other,
        },
        Op::And => match (left.truth(), right.truth()) {
            (Some(false), _) | (_, Some(false)) => Value::Bool(false),
            (Some(true), Some(true)) => Value::Bool(true),
            _ => unknown("condition"),
        },
        Op::Or => match (left.truth(), right.truth()) {
            (Some(true), _) | (_, Some(true)) => Value::Bool(true),
            (Some(false), Some(false)) => Value::Bool(false),
            _ => unknown("condition"),
        },
        Op::Less | Op::LessEq | Op::Greater | Op::GreaterEq | Op::Plus | Op::Minus | Op::Mul | Op::Div | Op::Mod => {
            let (Value::Number(left), Value::Number(right)) = (left, right) else { return unknown("number") };
            match operator {
                Op::Less => Value::Bool(left < right),
                Op::LessEq => Value::Bool(left <= right),
                Op::Greater => Value::Bool(left > right),
                Op::GreaterEq => Value::Bool(left >= right),
                Op::Plus => Value::Number(left + right),
                Op::Minus => Value::Number(left - right),
                Op::Mul => Value::Number(left * right),
                Op::Div => Value::Number(left / right),
                _ => Value::Number(left % right),
            }
        }
    }
}

fn for_each(each: &ForExpr, scope: &dyn Scope, depth: usize) -> Value {
    let collection = value(&each.intro.collection_expr, scope, depth + 1);
    let entries: Vec<(Value, Value)> = match collection {
        Value::List(items) => {
            items.into_iter().enumerate().map(|(at, item)| (Value::Number(at as f64), item)).collect()
        }
        Value::Map(entries) => entries.into_iter().map(|(key, item)| (Value::Text(key), item)).collect(),
        _ => return unknown("for"),
    };
    if entries.len() > ITEM_LIMIT {
        return unknown("for");
    }
    let mut list = Vec::new();
    let mut map = BTreeMap::new();
    for (key, item) in entries {
        let mut variables = BTreeMap::from([(each.intro.value_var.as_str().to_owned(), item)]);
        if let Some(name) = &each.intro.key_var {
            variables.insert(name.as_str().to_owned(), key);
        }
        let scope = With { outer: scope, variables };
        match each.cond.as_ref().map(|condition| value(&condition.expr, &scope, depth + 1).truth()) {
            Some(Some(false)) => continue,
            Some(None) => return unknown("for"),
            Some(Some(true)) | None => {}
        }
        let made = value(&each.value_expr, &scope, depth + 1);
        match &each.key_expr {
            None => list.push(made),
            Some(key) => match value(key, &scope, depth + 1) {
                Value::Text(key) => drop(map.insert(key, made)),
                _ => return unknown("for"),
            },
        }
    }
    if each.key_expr.is_some() { Value::Map(map) } else { Value::List(list) }
}
