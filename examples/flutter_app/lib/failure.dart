/// What went wrong, as people are told: by code, never by text.
library;

import 'dart:async';

import 'package:http/http.dart' show ClientException;
import 'package:supabase_flutter/supabase_flutter.dart';

import 'l10n/app_localizations.dart';

/// The kinds of failures that the app tells apart.
enum Failure {
  noConnection,
  signInAgain,
  wrongCode,
  unknownAddress,
  tooManyAttempts,
  notYours,
  changedMeanwhile,
  typeNotKnown,
  dateWrong,
  reasonMissing,
  neverChanges,
  notRevertible,
  notAccepted,
  chapterCycle,
  closedForNow,
  lastAdministrator,
  consentWithdrawn,
  erased,
  merged,
  retired,
  outdated,
  fedElsewhere,
  needsConfirmation,
  thereAlready,
  tryAgain,
  unknown,
}

/// What each code of the Data API means; docs/flutter.md has the same table.
const Map<String, Failure> failures = {
  '42501': Failure.notYours,
  'MC001': Failure.changedMeanwhile,
  'MC002': Failure.typeNotKnown,
  'MC003': Failure.dateWrong,
  'MC004': Failure.reasonMissing,
  'MC005': Failure.neverChanges,
  'MC006': Failure.notRevertible,
  'MC007': Failure.neverChanges,
  'MC008': Failure.notAccepted,
  'MC009': Failure.chapterCycle,
  'MC010': Failure.closedForNow,
  'MC011': Failure.lastAdministrator,
  'MC012': Failure.tooManyAttempts,
  'MC020': Failure.consentWithdrawn,
  'MC021': Failure.erased,
  'MC022': Failure.signInAgain,
  'MC023': Failure.merged,
  'MC024': Failure.retired,
  'MC025': Failure.fedElsewhere,
  'MC026': Failure.outdated,
  'PT401': Failure.signInAgain,
  'PT409': Failure.changedMeanwhile,
  'PT428': Failure.needsConfirmation,
  'PT500': Failure.tryAgain,
  '23502': Failure.notAccepted,
  '23503': Failure.notAccepted,
  '23505': Failure.thereAlready,
  '23514': Failure.notAccepted,
  '40001': Failure.tryAgain,
  '40P01': Failure.tryAgain,
  '55P03': Failure.tryAgain,
  'PGRST116': Failure.notYours,
  'PGRST301': Failure.signInAgain,
  'PGRST303': Failure.signInAgain,
};

/// What each code of Supabase Auth means.
const Map<String, Failure> authFailures = {
  'otp_expired': Failure.wrongCode,
  'otp_disabled': Failure.unknownAddress,
  'over_email_send_rate_limit': Failure.tooManyAttempts,
  'over_request_rate_limit': Failure.tooManyAttempts,
  'session_not_found': Failure.signInAgain,
  'refresh_token_not_found': Failure.signInAgain,
};

/// A proxy that answers in the place of the Data API gives its HTTP status as code.
const Set<String> _ofProxies = {'502', '503', '504'};

/// The kind of an error that a call of the registry throws.
Failure failureOf(Object error) => switch (error) {
      PostgrestException(:final code) when _ofProxies.contains(code) => Failure.noConnection,
      PostgrestException(:final code) => failures[code] ?? Failure.unknown,
      AuthRetryableFetchException() => Failure.noConnection,
      AuthSessionMissingException() => Failure.signInAgain,
      AuthException(:final code) => authFailures[code] ?? Failure.unknown,
      ClientException() || TimeoutException() => Failure.noConnection,
      _ => Failure.unknown,
    };

/// Whether the same call may succeed later, so that a change can wait for it.
bool isForLater(Failure failure) =>
    failure == Failure.noConnection ||
    failure == Failure.closedForNow ||
    failure == Failure.tryAgain ||
    failure == Failure.signInAgain;

/// The words for a failure.
String words(Failure failure, AppLocalizations texts) => switch (failure) {
      Failure.noConnection => texts.noConnection,
      Failure.signInAgain => texts.signInAgain,
      Failure.wrongCode => texts.wrongCode,
      Failure.unknownAddress => texts.unknownAddress,
      Failure.tooManyAttempts => texts.tooManyAttempts,
      Failure.notYours => texts.notYours,
      Failure.changedMeanwhile => texts.changedMeanwhile,
      Failure.typeNotKnown => texts.typeNotKnown,
      Failure.dateWrong => texts.dateWrong,
      Failure.reasonMissing => texts.reasonMissing,
      Failure.neverChanges => texts.neverChanges,
      Failure.notRevertible => texts.notRevertible,
      Failure.notAccepted => texts.notAccepted,
      Failure.chapterCycle => texts.chapterCycle,
      Failure.closedForNow => texts.closedForNow,
      Failure.lastAdministrator => texts.lastAdministrator,
      Failure.consentWithdrawn => texts.consentWithdrawn,
      Failure.erased => texts.erased,
      Failure.merged => texts.merged,
      Failure.retired => texts.retired,
      Failure.outdated => texts.outdated,
      Failure.fedElsewhere => texts.fedElsewhere,
      Failure.needsConfirmation => texts.needsConfirmation,
      Failure.thereAlready => texts.thereAlready,
      Failure.tryAgain => texts.tryAgain,
      Failure.unknown => texts.unknown,
    };
